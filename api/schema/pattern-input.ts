import type { Parameter, Pattern } from "../../images/pattern.ts";
import { patterns } from "../../images/patterns/index.ts";
import type { RenderSpecInput } from "../../images/spec.ts";
import { builder } from "./builder.ts";
import { Axis, Direction } from "./enums.ts";

type PatternParameters = NonNullable<RenderSpecInput["pattern"][string]>;

/** One input type a pattern, all made from the patterns' own definitions. */
export const PatternInput = builder.inputRef<RenderSpecInput["pattern"]>("PatternInput").implement({
  description: "What is drawn: exactly one pattern, with its parameters.",
  isOneOf: true,
  fields: (t) =>
    Object.fromEntries(
      patterns.map((pattern) => [
        pattern.name,
        t.field({ type: parametersInput(pattern), description: `${pattern.title}. ${pattern.description}` }),
      ]),
    ),
});

function parametersInput({ name, title, parameters }: Pattern) {
  return builder.inputRef<PatternParameters>(`${name[0]?.toUpperCase()}${name.slice(1)}Input`).implement({
    description: `The parameters of ${name}: ${title}.`,
    fields: (t) =>
      Object.fromEntries(
        Object.entries(parameters).map(([field, parameter]) => {
          const description = parameterDescription(parameter);
          if (parameter.type === "[HexColor!]") return [field, t.field({ type: ["HexColor"], description })];
          const type =
            parameter.type === "Axis" || parameter.type === "Direction" ? choices[parameter.type] : parameter.type;
          const required = !("optional" in parameter);
          return [field, t.field({ type, required, description, defaultValue: parameter.default })];
        }),
      ),
  });
}

const choices = { Axis, Direction };

/** What the parameter does, with its range; a list's default is the pattern's own, so absent and null mean the same. */
function parameterDescription(parameter: Parameter): string {
  const { description } = parameter;
  if (parameter.type === "Int") return `${description} ${parameter.minimum} to ${parameter.maximum}.`;
  if (parameter.type === "[HexColor!]") {
    return `${description} ${parameter.minimum} to ${parameter.maximum} colours; by default ${parameter.default.join(", ")}.`;
  }
  return description;
}
