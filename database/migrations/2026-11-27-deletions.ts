import { Migration } from "@mikro-orm/migrations";

/** A deletion that was asked for is finished by the janitor, whatever became of the API that was asked. */
export class NoteDeletions extends Migration {
  override name = "2026-11-27-deletions";

  override up(): void {
    this.addSql(`alter table "render" add column "deletion_asked_at" timestamptz(3) null`);
    this.addSql(`create index "render_deletion" on "render" ("id") where deletion_asked_at is not null`);
  }
}
