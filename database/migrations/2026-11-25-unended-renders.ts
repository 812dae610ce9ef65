import { Migration } from "@mikro-orm/migrations";

/** The janitor finds the renders that it looks after without reading all that have ended. */
export class IndexUnendedRenders extends Migration {
  override name = "2026-11-25-unended-renders";

  override up(): void {
    this.addSql(`
      create index "render_unended" on "render" ("id")
      where status in ('QUEUED', 'RUNNING', 'PAUSED', 'CANCELING', 'FAILED')`);
  }
}
