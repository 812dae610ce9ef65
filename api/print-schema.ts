import { writeFile } from "node:fs/promises";
import { printSchema } from "graphql";
import { schema } from "./schema/index.ts";

/** Writes schema.graphql, the schema as people and code generators read it: `node api/print-schema.ts`. */
await writeFile(new URL("../schema.graphql", import.meta.url), `${printSchema(schema)}\n`);
