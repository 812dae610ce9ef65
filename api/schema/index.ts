import { builder } from "./builder.ts";
import "./scalars.ts";
import "./pattern-definition.ts";
import "./viewer.ts";
import "./render-connection.ts";
import "./estimate-render.ts";
import "./start-render.ts";
import "./render-actions.ts";
import "./delete-render.ts";
import "./render-event.ts";

export const schema = builder.toSchema({ sortSchema: false });
