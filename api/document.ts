import { type DocumentNode, GraphQLError, parse } from "graphql";

/**
 * The largest operation, with every field selected, has about 500. GraphQL's own validation compares fields of one
 * name pair by pair: 2,000 tokens can take it half a second.
 */
export const MAX_TOKENS = 2_000;

/** The document, or why it is none. */
export function parsed(query: string): DocumentNode | GraphQLError {
  try {
    return parse(query, { maxTokens: MAX_TOKENS });
  } catch (error) {
    if (error instanceof GraphQLError) return error;
    throw error;
  }
}
