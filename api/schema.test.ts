import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { describe, test } from "node:test";
import {
  buildSchema,
  type GraphQLNamedType,
  type GraphQLSchema,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isIntrospectionType,
  isObjectType,
  isUnionType,
  printSchema,
} from "graphql";
import { schema } from "./schema/index.ts";

const read = (path: string) => readFile(new URL(path, import.meta.url), "utf8");

describe("the schema", () => {
  test("is committed as it is served", async () => {
    const committed = await read("../schema.graphql");
    assert.equal(committed, `${printSchema(schema)}\n`, "schema.graphql is stale: run `node api/print-schema.ts`");
  });

  test("has everything of the contract, by the same names, types and defaults", async () => {
    const served = facts(schema);
    const missing = [...facts(buildSchema(await read("contract.graphql")))].filter((fact) => !served.has(fact));
    assert.deepEqual(missing, []);
  });

  test("describes every type, field, argument and value", () => {
    const silent = namedTypes(schema).flatMap((type) => [
      ...(type.description || isBuiltIn(type) ? [] : [type.name]),
      ...members(type).flatMap(({ name, description, args }) => [
        ...(description ? [] : [`${type.name}.${name}`]),
        ...args.filter((argument) => !argument.description).map((argument) => `${type.name}.${name}(${argument.name})`),
      ]),
    ]);
    assert.deepEqual(silent, []);
  });
});

const isBuiltIn = ({ name }: GraphQLNamedType) => ["ID", "Int", "Float", "String", "Boolean"].includes(name);

function namedTypes(of: GraphQLSchema): GraphQLNamedType[] {
  return Object.values(of.getTypeMap()).filter((type) => !isIntrospectionType(type));
}

interface Member {
  name: string;
  description?: string | null | undefined;
  args: readonly { name: string; description?: string | null | undefined }[];
}

function members(type: GraphQLNamedType): Member[] {
  if (isObjectType(type) || isInterfaceType(type)) return Object.values(type.getFields());
  if (isInputObjectType(type)) return Object.values(type.getFields()).map((field) => ({ ...field, args: [] }));
  if (isEnumType(type)) return type.getValues().map((value) => ({ ...value, args: [] }));
  return [];
}

/** Every single promise of a schema, as one line of text. */
function facts(of: GraphQLSchema): Set<string> {
  const roots = [of.getQueryType(), of.getMutationType(), of.getSubscriptionType()];
  return new Set([...roots.map((root) => `root ${root}`), ...namedTypes(of).flatMap(factsOfType)]);
}

function factsOfType(type: GraphQLNamedType): string[] {
  const head = `${type.constructor.name} ${type.name}`;
  if (isObjectType(type) || isInterfaceType(type)) {
    return [
      head,
      ...type.getInterfaces().map((name) => `${head} implements ${name}`),
      ...Object.values(type.getFields()).flatMap((field) => [
        `${head} has ${field.name}: ${field.type}`,
        ...field.args.map((argument) => `${head} has ${field.name}(${input(argument)})`),
      ]),
    ];
  }
  if (isInputObjectType(type)) {
    const oneOf = type.isOneOf ? [`${head} @oneOf`] : [];
    return [head, ...oneOf, ...Object.values(type.getFields()).map((field) => `${head} takes ${input(field)}`)];
  }
  if (isEnumType(type)) return [head, ...type.getValues().map(({ name }) => `${head} is ${name}`)];
  if (isUnionType(type)) return [head, ...type.getTypes().map((member) => `${head} is ${member}`)];
  return [head];
}

function input(value: { name: string; type: unknown; defaultValue?: unknown }): string {
  const fallback = value.defaultValue === undefined ? "" : ` = ${JSON.stringify(value.defaultValue)}`;
  return `${value.name}: ${value.type}${fallback}`;
}
