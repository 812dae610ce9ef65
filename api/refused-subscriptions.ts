import {
  type ASTVisitor,
  type DocumentNode,
  type FragmentDefinitionNode,
  GraphQLError,
  Kind,
  OperationTypeNode,
  type SelectionNode,
  type ValidationContext,
} from "graphql";

/** A validation rule for HTTP, where a subscription has nowhere to go. */
export function refuseSubscriptions(context: ValidationContext): ASTVisitor {
  return {
    OperationDefinition(operation) {
      if (operation.operation !== OperationTypeNode.SUBSCRIPTION) return;
      const message = "Subscriptions need a WebSocket: the same address, protocol graphql-transport-ws.";
      context.reportError(new GraphQLError(message, { nodes: operation }));
    },
  };
}

/**
 * A subscription is to one stream, whatever its variables are, so the next edition of the specification forbids @skip
 * and @include on what it selects first (https://spec.graphql.org/draft/#sec-Single-Root-Field). GraphQL.js 16 does not
 * know that yet: its own rule throws. To be asked before validation.
 */
export function conditionalSubscription({ definitions }: DocumentNode): GraphQLError | undefined {
  const fragments = new Map(
    definitions.filter((node) => node.kind === Kind.FRAGMENT_DEFINITION).map((node) => [node.name.value, node]),
  );
  for (const node of definitions) {
    if (node.kind !== Kind.OPERATION_DEFINITION || node.operation !== OperationTypeNode.SUBSCRIPTION) continue;
    const conditional = rootSelections(node.selectionSet.selections, fragments).find(isConditional);
    if (conditional) {
      const message = "@skip and @include have no place on what a subscription selects first.";
      return new GraphQLError(message, {
        nodes: conditional,
        extensions: { code: "GRAPHQL_VALIDATION_FAILED", http: { status: 400 } },
      });
    }
  }
  return undefined;
}

/** Those selections and the ones of fragments among them, each fragment once. */
function rootSelections(
  selections: readonly SelectionNode[],
  fragments: Map<string, FragmentDefinitionNode>,
  seen = new Set<string>(),
): SelectionNode[] {
  return selections.flatMap((selection) => {
    if (selection.kind === Kind.FIELD) return [selection];
    if (selection.kind === Kind.INLINE_FRAGMENT)
      return [selection, ...rootSelections(selection.selectionSet.selections, fragments, seen)];
    const name = selection.name.value;
    const fragment = seen.has(name) ? undefined : fragments.get(name);
    seen.add(name);
    return [selection, ...rootSelections(fragment?.selectionSet.selections ?? [], fragments, seen)];
  });
}

function isConditional({ directives = [] }: SelectionNode): boolean {
  return directives.some(({ name }) => name.value === "skip" || name.value === "include");
}
