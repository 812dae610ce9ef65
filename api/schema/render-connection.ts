import { cursorOf, listRenders, type RenderListArguments, type RenderPage } from "../operations/list-renders.ts";
import { findRender, type RenderView, viewOf } from "../operations/view.ts";
import { builder } from "./builder.ts";
import { RenderStatus } from "./enums.ts";
import { Render } from "./render.ts";

const RenderEdge = builder.objectRef<RenderView>("RenderEdge").implement({
  description: "A render at its place in the list.",
  fields: (t) => ({
    cursor: t.string({ description: "Its place, for after and before.", resolve: ({ row }) => cursorOf(row) }),
    node: t.field({ type: Render, description: "The render.", resolve: (view) => view }),
  }),
});

const PageInfo = builder.objectRef<RenderPage>("PageInfo").implement({
  description: "What lies around a page.",
  fields: (t) => ({
    hasNextPage: t.boolean({ description: "Whether older renders follow.", resolve: (page) => page.hasNextPage() }),
    hasPreviousPage: t.boolean({
      description: "Whether newer renders come before.",
      resolve: (page) => page.hasPreviousPage(),
    }),
    startCursor: t.string({
      nullable: true,
      description: "The first render's cursor; null on an empty page.",
      resolve: ({ renders: [first] }) => first && cursorOf(first),
    }),
    endCursor: t.string({
      nullable: true,
      description: "The last render's cursor; null on an empty page.",
      resolve: ({ renders }) => {
        const last = renders.at(-1);
        return last && cursorOf(last);
      },
    }),
  }),
});

/** The field that gives the connection is already counted once an item. */
const pageItems = { items: 1 };

const RenderConnection = builder.objectRef<RenderPage>("RenderConnection").implement({
  description: "One page of renders, newest first (Relay's cursor connections).",
  fields: (t) => ({
    edges: t.field({
      type: [RenderEdge],
      description: "The renders with their cursors.",
      extensions: pageItems,
      resolve: ({ renders }) => renders.map((row) => viewOf(row)),
    }),
    nodes: t.field({
      type: [Render],
      description: "The renders alone.",
      extensions: pageItems,
      resolve: ({ renders }) => renders.map((row) => viewOf(row)),
    }),
    pageInfo: t.field({ type: PageInfo, description: "What lies around this page.", resolve: (page) => page }),
    totalCount: t.int({
      description: "All renders that the filter lets through, on whatever page; counted only where it is selected.",
      resolve: (page) => page.totalCount(),
    }),
  }),
});

const RenderFilter = builder.inputRef<NonNullable<RenderListArguments["filter"]>>("RenderFilter").implement({
  description: "Which renders to list: those that meet every condition given.",
  fields: (t) => ({
    status: t.field({ type: [RenderStatus], description: "In one of these statuses; at most 100." }),
    pattern: t.stringList({ description: "With one of these patterns, by the names in PatternInput; at most 100." }),
    nameContains: t.string({ description: "With this text in the name, in upper or lower case." }),
  }),
});

builder.queryField("render", (t) =>
  t.field({
    type: Render,
    nullable: true,
    description: "One render; null where it is absent or another's.",
    args: { id: t.arg.id({ required: true, description: "The render's id." }) },
    resolve: async (_root, { id }, context) => {
      const row = await findRender(context, id);
      return row && viewOf(row);
    },
  }),
);

builder.queryField("renders", (t) =>
  t.field({
    type: RenderConnection,
    description: "The viewer's renders, newest first.",
    args: {
      first: t.arg.int({ description: "How many from the front, 1 to 100; 20 where neither first nor last is given." }),
      after: t.arg.string({ description: "A cursor: only what comes after it (older)." }),
      last: t.arg.int({ description: "How many from the back, 1 to 100." }),
      before: t.arg.string({ description: "A cursor: only what comes before it (newer)." }),
      filter: t.arg({ type: RenderFilter, description: "Which renders; without it, all." }),
    },
    resolve: (_root, args, context) => listRenders(args, context),
  }),
);
