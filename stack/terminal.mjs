// @ts-check
// What a person sees while something takes its time. Plain JavaScript: bootstrap.mjs runs it before any package is there.

const frames = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
const spinMs = 100;
const plainLineEveryMs = 10_000;
const clearLine = "\r\x1b[K";

/**
 * A line in place of the one before; cut, since what goes on in the terminal's next row would not be cleared.
 * @param {string} line
 */
export function redrawn(line) {
  return clearLine + line.slice(0, (process.stderr.columns || 80) - 1);
}

/**
 * Steps that are going on, each within the one before it; only the innermost is shown.
 * @type {NodeJS.Timeout[]}
 */
const steps = [];

/**
 * Shows on standard error that `title` is going on, until `done` or `failed` is called.
 * @param {string} title
 */
export function showStep(title) {
  const started = performance.now();
  const seconds = () => ((performance.now() - started) / 1000).toFixed(1);
  const live = process.stderr.isTTY === true;
  let frame = 0;
  if (!live) process.stderr.write(`${title} ...\n`);
  const timer = setInterval(
    () => {
      if (steps.at(-1) !== timer) return;
      const going = `${title} ... ${seconds()} s`;
      process.stderr.write(live ? redrawn(`${frames[frame++ % frames.length]} ${going}`) : `${going}\n`);
    },
    live ? spinMs : plainLineEveryMs,
  );
  timer.unref();
  steps.push(timer);
  const end = (/** @type {string} */ line) => {
    clearInterval(timer);
    steps.splice(steps.indexOf(timer), 1);
    process.stderr.write(`${live ? clearLine : ""}${line}`);
  };
  return {
    done: () => end(`✔ ${title} (${seconds()} s)\n`),
    failed: () => end(""),
  };
}

/**
 * Prints a line on standard error, above a step or a progress bar that is shown there.
 * @param {string} line
 */
export function tell(line) {
  process.stderr.write(`${process.stderr.isTTY ? clearLine : ""}${line}\n`);
}

/** @type {[RegExp, string][]} */
const machineCauses = [
  [/ENOSPC|no space left on device|disk quota exceeded|check free disk space/i, "the disk is full: make room"],
  [/EROFS|read-only file system/i, "the folder is read-only: use a writable one"],
  [/EACCES|EPERM|Permission denied/i, "a file may not be written: check who owns it and its folder"],
  [/ENAMETOOLONG/, "its name is too long"],
];

/** @type {[RegExp, string][]} */
const downloadCauses = [
  [
    /EINTEGRITY|do not match the hashes|hash mismatch/i,
    "what was downloaded does not match its hash, so it was not used: check the registry or mirror that it came from",
  ],
  [
    /CERT_|SELF_SIGNED|UNABLE_TO_(GET|VERIFY)|CERTIFICATE_VERIFY_FAILED/,
    "the server's certificate is not trusted: give your proxy's certificate to npm (cafile) and pip (PIP_CERT)",
  ],
  [
    /E401|E403|\b40[13] (Client Error|Forbidden|Unauthorized)/i,
    "the registry refused the download: check its address and your access (npm config get registry, pip config list)",
  ],
  [
    /ECONNREFUSED|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|ECONNRESET|ENETUNREACH|ERR_SOCKET_TIMEOUT|Connection refused|NewConnectionError|ConnectTimeout|ReadTimeout|Name or service not known|name resolution/i,
    "the download was refused or the network is not there: check the network, the proxy settings and the registry (npm config get registry, pip config list)",
  ],
  [
    /E404|No matching distribution|Could not find a version/i,
    "the registry does not have it for this machine: check the registry (npm config get registry, pip config list)",
  ],
];

/**
 * What in the machine a program's output says went wrong, and what to do; undefined where it names nothing usual.
 * @param {string} output
 */
export function machineCauseOf(output) {
  return machineCauses.find(([pattern]) => pattern.test(output))?.[1];
}

/**
 * The same of a program that downloads.
 * @param {string} output
 */
export function downloadCauseOf(output) {
  return machineCauseOf(output) ?? downloadCauses.find(([pattern]) => pattern.test(output))?.[1];
}

/**
 * The last lines of a program's output, indented, for a message.
 * @param {string} output
 */
export function lastLines(output, count = 12) {
  const lines = output.trimEnd().split("\n").slice(-count);
  return lines.map((line) => `  ${line.slice(0, 400)}`).join("\n");
}
