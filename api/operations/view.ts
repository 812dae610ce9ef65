import { Render } from "../../database/render.ts";
import type { RenderState } from "../../database/state.ts";
import type { Context } from "../context.ts";

/** A render as the schema shows it: what was asked, and the state of the latest event or of the one it belongs to. */
export interface RenderView {
  __typename: "Render";
  row: Render;
  state: RenderState;
}

export function viewOf(row: Render, state: RenderState = row.state): RenderView {
  return { __typename: "Render", row, state };
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** The viewer's render, or null where it is absent or another's. */
export async function findRender({ em, viewerId }: Context, id: string): Promise<Render | null> {
  return UUID.test(id) ? await em().findOne(Render, { id, userId: viewerId }) : null;
}
