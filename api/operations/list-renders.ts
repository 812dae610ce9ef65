import type { FilterQuery } from "@mikro-orm/core";
import { Render } from "../../database/render.ts";
import type { RenderStatus } from "../../database/state.ts";
import type { Context } from "../context.ts";
import { badUserInput } from "../errors.ts";
import { DEFAULT_PAGE, LONGEST_PAGE } from "../limits.ts";
import { ownTurn } from "../own-turn.ts";

const MAX_FILTER_VALUES = 100;
/** Characters: no name has more, and no pattern's. */
const LONGEST_FILTER_TEXT = 200;

export interface RenderListArguments {
  first?: number | null | undefined;
  after?: string | null | undefined;
  last?: number | null | undefined;
  before?: string | null | undefined;
  filter?:
    | {
        status?: readonly RenderStatus[] | null | undefined;
        pattern?: readonly string[] | null | undefined;
        nameContains?: string | null | undefined;
      }
    | null
    | undefined;
}

/** One page of the viewer's renders, newest first; what lies beyond it is asked only when it is selected. */
export interface RenderPage {
  renders: Render[];
  hasPreviousPage: () => Promise<boolean>;
  hasNextPage: () => Promise<boolean>;
  totalCount: () => Promise<number>;
}

/**
 * A page by keyset: ids are in the order of time, so new renders shift no page.
 * @throws GraphQLError BAD_USER_INPUT with the range of what is outside it
 */
export async function listRenders(args: RenderListArguments, { em, viewerId, reads }: Context): Promise<RenderPage> {
  const backwards = args.last != null;
  const limit = pageSize(args);
  const after = args.after == null ? undefined : idOf("after", args.after);
  const before = args.before == null ? undefined : idOf("before", args.before);
  const all: FilterQuery<Render>[] = [{ userId: viewerId }, ...conditions(args.filter ?? {})];
  const find = (where: FilterQuery<Render>[], options: { orderBy: { id: "asc" | "desc" }; limit: number }) =>
    reads.run(viewerId, () => em().find(Render, { $and: [...all, ...where] }, options));
  const exists = async (id: object) => (await find([{ id }], { orderBy: { id: "asc" }, limit: 1 })).length > 0;

  const found = await find([...(after ? [{ id: { $lt: after } }] : []), ...(before ? [{ id: { $gt: before } }] : [])], {
    orderBy: { id: backwards ? "asc" : "desc" },
    limit,
  });
  await ownTurn(); // to resolve thousands of fields in
  const renders = backwards ? found.reverse() : found;
  const newest = renders[0];
  const oldest = renders.at(-1);
  return {
    renders,
    hasPreviousPage: once(async () =>
      newest ? exists({ $gt: newest.id }) : after !== undefined && exists({ $gte: after }),
    ),
    hasNextPage: once(async () =>
      oldest ? exists({ $lt: oldest.id }) : before !== undefined && exists({ $lte: before }),
    ),
    totalCount: once(() => reads.run(viewerId, () => em().count(Render, { $and: all }))),
  };
}

/** Asks once, however often it is selected under other names. */
function once<T>(ask: () => Promise<T>): () => Promise<T> {
  let answer: Promise<T> | undefined;
  return () => {
    answer ??= ask();
    return answer;
  };
}

/** An opaque cursor: the position right at this render. */
export function cursorOf({ id }: Render): string {
  return Buffer.from(id.replaceAll("-", ""), "hex").toString("base64url");
}

function idOf(argument: string, cursor: string): string {
  const hex = Buffer.from(cursor, "base64url").toString("hex");
  if (hex.length !== 32)
    throw badUserInput(`${argument} must be a cursor of this connection; ${JSON.stringify(cursor)} is not.`);
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

function pageSize({ first, last }: RenderListArguments): number {
  if (first != null && last != null) throw badUserInput("Give first or last, not both.");
  const limit = first ?? last ?? DEFAULT_PAGE;
  if (limit >= 1 && limit <= LONGEST_PAGE) return limit;
  throw badUserInput(`${first == null ? "last" : "first"} is ${limit}; it must be from 1 to ${LONGEST_PAGE}.`);
}

function conditions({
  status,
  pattern,
  nameContains,
}: NonNullable<RenderListArguments["filter"]>): FilterQuery<Render>[] {
  for (const [field, values] of Object.entries({ status, pattern })) {
    if (values && values.length > MAX_FILTER_VALUES) {
      throw badUserInput(`filter.${field} has ${values.length} values; it may have ${MAX_FILTER_VALUES}.`);
    }
  }
  for (const text of [nameContains ?? "", ...(pattern ?? [])]) {
    const { length } = Array.from(text);
    if (length > LONGEST_FILTER_TEXT) {
      throw badUserInput(`filter has a text of ${length} characters; no name has more than ${LONGEST_FILTER_TEXT}.`);
    }
    if (text.includes("\0")) throw badUserInput("filter has a text with the character U+0000, which no name contains.");
  }
  return [
    ...(status ? [{ status: { $in: [...status] } }] : []),
    ...(pattern ? [{ pattern: { $in: [...pattern] } }] : []),
    ...(nameContains ? [{ name: { $ilike: `%${nameContains.replace(/[\\%_]/g, "\\$&")}%` } }] : []),
  ];
}
