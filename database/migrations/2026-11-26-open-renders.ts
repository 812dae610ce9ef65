import { Migration } from "@mikro-orm/migrations";

/** Failed renders whose parts are gone are nothing to the janitor any more, and there may be ever more of them. */
export class IndexOpenRenders extends Migration {
  override name = "2026-11-26-open-renders";

  override up(): void {
    this.addSql(`drop index "render_unended"`);
    this.addSql(`
      create index "render_open" on "render" ("id")
      where status in ('QUEUED', 'RUNNING', 'PAUSED', 'CANCELING') or state ->> 'resumableUntil' is not null`);
  }
}
