import {
  type ASTVisitor,
  type FieldNode,
  type FragmentDefinitionNode,
  GraphQLError,
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLSchema,
  getNamedType,
  getNullableType,
  isInterfaceType,
  isListType,
  isObjectType,
  Kind,
  SchemaMetaFieldDef,
  type SelectionSetNode,
  TypeMetaFieldDef,
  type ValidationContext,
} from "graphql";

/** The same for HTTP and for WebSocket, in bytes: a request's body, and a message. */
export const MAX_REQUEST_BYTES = 256 * 1024;

/** The schema's own depth is 5; the usual introspection query needs 15. */
const MAX_DEPTH = 20;

/** A page of 100 renders with every field costs about 23,000. */
const MAX_COST = 25_000;

/** A field of Query, Mutation or Subscription may be a round trip of its own, so an operation has room for 100. */
const ROOT_FIELD_COST = 250;

/** A cost of 1 pays for so many bytes of text in the answer: of a field's value, which may be long, and of its alias. */
export const BYTES_FOR_ONE = 40;

/** Introspection nests lists that are far longer than LIST_ITEMS, hence fixed costs. */
const introspectionFields = [
  { ...SchemaMetaFieldDef, extensions: { cost: 10_000 } },
  { ...TypeMetaFieldDef, extensions: { cost: 1_000 } },
];

/** Items that a list is reckoned to have where its field says nothing. */
const LIST_ITEMS = 5;

/** Items of a connection's page. */
export const LONGEST_PAGE = 100;
export const DEFAULT_PAGE = 20;

declare module "graphql" {
  interface GraphQLFieldExtensions<_TSource, _TContext, _TArgs> {
    /** What the field costs an operation where that is not 1. */
    cost?: number;
    /** How many items a list is reckoned to have where that is not 5. */
    items?: number;
  }
}

interface Measure {
  depth: number;
  cost: number;
}

/**
 * A validation rule that refuses an operation before it runs where it is too deep or would resolve too many fields.
 * A field costs 1, or its `extensions.cost`, and more where its alias is long; what lies below a list or a connection
 * counts once an item.
 */
export function limitOperation(context: ValidationContext): ASTVisitor {
  return {
    OperationDefinition(operation) {
      const schema = context.getSchema();
      const measurement = new Measurement(schema, (name) => context.getFragment(name));
      const { depth, cost } = measurement.of(operation.selectionSet, schema.getRootType(operation.operation));
      if (depth > MAX_DEPTH) refuse(context, `It is ${depth} levels deep; ${MAX_DEPTH} are allowed.`);
      if (cost > MAX_COST) {
        refuse(context, `It costs ${cost}; ${MAX_COST} are allowed. Ask for fewer fields or smaller pages.`);
      }
    },
  };
}

function refuse(context: ValidationContext, message: string): void {
  context.reportError(new GraphQLError(`The operation is too large. ${message}`));
}

/** Measures each fragment once, however often it is spread, so that the measuring itself stays cheap. */
class Measurement {
  readonly #schema: GraphQLSchema;
  readonly #fragment: (name: string) => FragmentDefinitionNode | null | undefined;
  readonly #fragments = new Map<string, Measure>();

  constructor(schema: GraphQLSchema, fragment: (name: string) => FragmentDefinitionNode | null | undefined) {
    this.#schema = schema;
    this.#fragment = fragment;
  }

  of({ selections }: SelectionSetNode, parent: GraphQLNamedType | null | undefined): Measure {
    const total = { depth: 0, cost: 0 };
    for (const selection of selections) {
      const { depth, cost } =
        selection.kind === Kind.FIELD
          ? this.#field(selection, parent)
          : selection.kind === Kind.FRAGMENT_SPREAD
            ? this.#spread(selection.name.value)
            : this.of(selection.selectionSet, this.#type(selection.typeCondition?.name.value) ?? parent);
      total.depth = Math.max(total.depth, depth);
      total.cost += cost;
    }
    return total;
  }

  #field(node: FieldNode, parent: GraphQLNamedType | null | undefined): Measure {
    const field = this.#definition(node, parent);
    const value = field?.extensions.cost ?? (this.#isRoot(parent) ? ROOT_FIELD_COST : 1);
    const own = value + Math.floor((node.alias?.value.length ?? 0) / BYTES_FOR_ONE);
    if (!node.selectionSet) return { depth: 1, cost: own };
    const below = this.of(node.selectionSet, field && getNamedType(field.type));
    return { depth: below.depth + 1, cost: own + below.cost * (field ? itemsOf(field, node) : 1) };
  }

  #definition({ name }: FieldNode, parent: GraphQLNamedType | null | undefined) {
    if (!isObjectType(parent) && !isInterfaceType(parent)) return undefined;
    return parent.getFields()[name.value] ?? introspectionFields.find((field) => field.name === name.value);
  }

  #isRoot(type: GraphQLNamedType | null | undefined): boolean {
    const roots = [this.#schema.getQueryType(), this.#schema.getMutationType(), this.#schema.getSubscriptionType()];
    return roots.some((root) => root != null && root === type);
  }

  #spread(name: string): Measure {
    const known = this.#fragments.get(name);
    if (known) return known;
    this.#fragments.set(name, { depth: 0, cost: 0 });
    const fragment = this.#fragment(name);
    if (!fragment) return { depth: 0, cost: 0 };
    const measure = this.of(fragment.selectionSet, this.#type(fragment.typeCondition.name.value));
    this.#fragments.set(name, measure);
    return measure;
  }

  #type(name: string | undefined): GraphQLNamedType | undefined {
    return name === undefined ? undefined : this.#schema.getType(name);
  }
}

function itemsOf(field: GraphQLField<unknown, unknown>, node: FieldNode): number {
  if (field.args.some(({ name }) => name === "first")) return pageLength(node);
  return isListType(getNullableType(field.type)) ? (field.extensions.items ?? LIST_ITEMS) : 1;
}

/** As long as the page's `first` or `last` says, 1 … 100; one given by a variable counts as the longest. */
function pageLength(node: FieldNode): number {
  const sizes = (node.arguments ?? []).filter(({ name }) => name.value === "first" || name.value === "last");
  if (sizes.length === 0) return DEFAULT_PAGE;
  const lengths = sizes.map(({ value }) => (value.kind === Kind.INT ? Number(value.value) : LONGEST_PAGE));
  return Math.min(Math.max(...lengths, 1), LONGEST_PAGE);
}
