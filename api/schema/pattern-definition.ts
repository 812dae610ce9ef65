import type { Parameter, Pattern } from "../../images/pattern.ts";
import { patterns } from "../../images/patterns/index.ts";
import { builder } from "./builder.ts";

const PatternParameter = builder.objectRef<{ name: string; parameter: Parameter }>("PatternParameter").implement({
  description: "One parameter of a pattern, as a form would show it.",
  fields: (t) => ({
    name: t.exposeString("name", { description: "The field name in the pattern's input." }),
    type: t.string({
      description: "The field's type in the schema: Int, Boolean, HexColor, [HexColor!], Direction or Axis.",
      resolve: ({ parameter }) => parameter.type,
    }),
    description: t.string({ description: "What it does.", resolve: ({ parameter }) => parameter.description }),
    default: t.string({
      nullable: true,
      description:
        "What it is where it is not given, as text (a list as JSON); null where it must be given or may be left out.",
      resolve: ({ parameter }) => defaultText(parameter.default),
    }),
    minimum: t.int({
      nullable: true,
      description: "Int: the least value. List: the least length.",
      resolve: ({ parameter }) => ("minimum" in parameter ? parameter.minimum : null),
    }),
    maximum: t.int({
      nullable: true,
      description: "Int: the greatest value. List: the greatest length.",
      resolve: ({ parameter }) => ("maximum" in parameter ? parameter.maximum : null),
    }),
  }),
});

function defaultText(value: Parameter["default"]): string | null {
  if (value === undefined) return null;
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

const PatternDefinition = builder.objectRef<Pattern>("PatternDefinition").implement({
  description: "A pattern that can be rendered.",
  fields: (t) => ({
    name: t.exposeString("name", { description: "The field name in PatternInput." }),
    title: t.exposeString("title", { description: "Its name for people." }),
    description: t.exposeString("description", { description: "What it shows and what it is good for." }),
    parameters: t.field({
      type: [PatternParameter],
      description: "Its parameters, in the order of its input.",
      resolve: ({ parameters }) => Object.entries(parameters).map(([name, parameter]) => ({ name, parameter })),
    }),
  }),
});

builder.queryField("patterns", (t) =>
  t.field({
    type: [PatternDefinition],
    description: "Every pattern with its parameters: the definitions that the inputs and their checks come from.",
    resolve: () => patterns,
  }),
);
