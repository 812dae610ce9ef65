/** Runs `task` on every item, at most `width` at a time, in order. The first that fails ends it. */
export async function inParallel<Item>(
  items: readonly Item[],
  width: number,
  task: (item: Item) => Promise<void>,
): Promise<void> {
  const waiting = items.values().map((item) => item); // unlike an array's own iterator, it ends for all where one fails
  const worker = async () => {
    for (const item of waiting) await task(item);
  };
  await Promise.all(Array.from({ length: width }, worker));
}
