import { type GraphQLError, type GraphQLSchema, getVariableValues, type OperationDefinitionNode } from "graphql";

/** GraphQL.js would tell of 50 wrong values, each time with all of the variable's: 50 times the request. */
const MOST_ERRORS = 5;

/**
 * What is wrong with an operation's variables, to be told instead of running it. Of an operation that a request names
 * and does not have, which Apollo's types hide, Apollo tells.
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
