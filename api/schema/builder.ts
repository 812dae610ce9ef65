import SchemaBuilder from "@pothos/core";
import type { Context } from "../context.ts";

interface Scalar<T> {
  Input: T;
  Output: T;
}

/** Every file of this folder adds its types and fields to this builder; index.ts makes the schema. */
export const builder = new SchemaBuilder<{
  Context: Context;
  DefaultFieldNullability: false;
  Scalars: {
    ID: Scalar<string>;
    DateTime: Scalar<string>;
    SafeInt: Scalar<number>;
    HexColor: Scalar<string>;
    URL: Scalar<string>;
  };
}>({ defaultFieldNullability: false });

builder.queryType({ description: "What can be read. Everybody sees only what is their own." });
builder.mutationType({
  description:
    "What can be changed. Requests that can fail for a reason the caller can correct answer with that reason as a type.",
});
builder.subscriptionType({ description: "What can be followed, over WebSocket." });
