import { GraphQLError, Kind, valueFromASTUntyped } from "graphql";
import { builder } from "./builder.ts";

builder.scalarType("DateTime", {
  description: "A moment in UTC as RFC 3339 writes it, to the millisecond: 2026-01-31T08:15:00.000Z.",
  serialize: String,
});

builder.scalarType("URL", { description: "An absolute URL (RFC 3986).", serialize: String });

builder.scalarType("HexColor", {
  description: "A colour as #RRGGBB: red, green and blue, each two hexadecimal digits, 00 to FF.",
  serialize: String,
  parseValue: (value) => {
    if (typeof value === "string") return value;
    throw new GraphQLError(`HexColor must be a string as "#RRGGBB"; ${JSON.stringify(value)} is not.`);
  },
});

builder.scalarType("SafeInt", {
  description: "A whole number of magnitude at most 2^53 − 1, such as a byte count, for which Int is too small.",
  serialize: Number,
  parseValue: safeInt,
  parseLiteral: (node) => {
    if (node.kind === Kind.INT) return safeInt(Number(node.value));
    throw new GraphQLError(`SafeInt must be a whole number; ${JSON.stringify(valueFromASTUntyped(node))} is not.`);
  },
});

function safeInt(value: unknown): number {
  if (typeof value === "number" && Number.isSafeInteger(value)) return value;
  throw new GraphQLError(`SafeInt must be a whole number of at most 2^53 − 1; ${JSON.stringify(value)} is not.`);
}
