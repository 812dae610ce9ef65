import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/** Passes every connection on to a port of this machine, or whatever else a network may do with it. */
export class Relay implements AsyncDisposable {
  readonly server: Server;
  readonly #sockets = new Set<Socket>();
  #port: number;

  private constructor(port: number) {
    this.#port = port;
    this.server = createServer({ allowHalfOpen: true }, (socket) => this.#pass(socket)); // else it says goodbye by itself
  }

  static async start(port: number): Promise<Relay> {
    const relay = new Relay(port);
    relay.server.listen(0, "127.0.0.1");
    await once(relay.server, "listening");
    return relay;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Breaks all connections, and passes new ones on to another port. */
  passOnTo(port: number): void {
    this.#port = port;
    for (const socket of this.#sockets) socket.destroy();
  }

  /** The connections that there are bring nothing any more, in either direction, and nobody is told. New ones do. */
  forget(): void {
    for (const socket of this.#sockets) socket.unpipe().removeAllListeners("close").resume();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.server, "close");
    this.server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #pass(downstream: Socket): void {
    const upstream = connect(this.#port, "127.0.0.1");
    for (const [from, to] of [
      [downstream, upstream],
      [upstream, downstream],
    ] as const) {
      this.#sockets.add(from);
      from.on("error", () => {}).on("close", () => to.destroy());
      from.pipe(to);
    }
  }
}
