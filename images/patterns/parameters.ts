/** A length in pixels, wherever a pattern has one. */
export const LENGTH = { type: "Int", minimum: 1, maximum: 2 ** 20 } as const;

export const WHITE = "#FFFFFF";
export const BLACK = "#000000";
