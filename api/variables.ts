import { type GraphQLError, type GraphQLSchema, getVariableValues, type OperationDefinitionNode } from "graphql";

/** GraphQL.js would tell of 50 wrong values, each time with all of the variable's: 50 times the request. */
const MOST_ERRORS = 5;

/**
 * What is wrong with an operation's variables, to be told instead of running it. There may be no operation, whatever
 * Apollo's types say, where a request names one that it does not have; Apollo reports that itself.
 */
export function wrongVariables(
  schema: GraphQLSchema,
  operation: OperationDefinitionNode | undefined,
  variables: Readonly<Record<string, unknown>> | null | undefined,
): readonly GraphQLError[] {
  return (
    getVariableValues(schema, operation?.variableDefinitions ?? [], variables ?? {}, { maxErrors: MOST_ERRORS })
      .errors ?? []
  );
}
