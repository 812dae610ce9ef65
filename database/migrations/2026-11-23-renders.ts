import { Migration } from "@mikro-orm/migrations";

/** Renders, their events, and the viewers who own them. */
export class CreateRenders extends Migration {
  override name = "2026-11-23-renders";

  override up(): void {
    this.addSql(`
      create table "viewer" (
        "id" text not null,
        "position" bigint not null,
        primary key ("id")
      )`);
    this.addSql(`
      create table "render" (
        "id" uuid not null,
        "user_id" text not null,
        "name" text null,
        "idempotency_key" text null,
        "spec" jsonb not null,
        "pattern" text not null,
        "byte_size" bigint not null,
        "part_size" bigint not null,
        "part_count" int not null,
        "created_at" timestamptz(3) not null,
        "sequence" int not null,
        "state" jsonb not null,
        "status" text generated always as (state ->> 'status') stored not null,
        primary key ("id"),
        constraint "render_idempotency_key" unique ("user_id", "idempotency_key"),
        constraint "render_status_check"
          check ("status" in ('QUEUED', 'RUNNING', 'PAUSED', 'CANCELING', 'COMPLETED', 'FAILED', 'CANCELED'))
      )`);
    this.addSql(`create index "render_page" on "render" ("user_id", "id")`);
    this.addSql(`
      create index "render_active" on "render" ("user_id")
      where status in ('QUEUED', 'RUNNING', 'PAUSED', 'CANCELING')`);
    this.addSql(`
      create table "render_event" (
        "render_id" uuid not null,
        "sequence" int not null,
        "user_id" text not null,
        "position" bigint not null,
        "at" timestamptz(3) not null,
        "kind" text not null,
        "state" jsonb not null,
        primary key ("render_id", "sequence"),
        constraint "render_event_render_id_foreign"
          foreign key ("render_id") references "render" ("id") on delete cascade,
        constraint "render_event_position" unique ("user_id", "position"),
        constraint "render_event_kind_check" check ("kind" in ('STATUS', 'PROGRESS'))
      )`);
  }
}
