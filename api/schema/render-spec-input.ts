import { formats } from "../../images/formats/index.ts";
import type { RenderSpecInput as SpecInput } from "../../images/spec.ts";
import { builder } from "./builder.ts";
import { ImageFormat, RowOrder } from "./enums.ts";
import { PatternInput } from "./pattern-input.ts";

export const RenderSpecInput = builder.inputRef<SpecInput>("RenderSpecInput").implement({
  description: "One image, exactly: two equal specs give two files of the same bytes.",
  fields: (t) => ({
    width: t.int({ required: true, description: "Pixels in a row, 1 to 1,048,576." }),
    height: t.int({ required: true, description: "Rows, 1 to 1,048,576." }),
    pattern: t.field({ type: PatternInput, required: true, description: "What is drawn." }),
    format: t.field({
      type: ImageFormat,
      required: true,
      defaultValue: "BMP24",
      description: `The file format: ${formats.map(({ name }) => name).join(", ")}.`,
    }),
    rowOrder: t.field({
      type: RowOrder,
      required: true,
      defaultValue: "BOTTOM_UP",
      description: "The order of rows in a BMP file; other formats ignore it.",
    }),
    pixelsPerMetre: t.int({
      required: true,
      defaultValue: 2835,
      description:
        "The resolution that a BMP or BigTIFF states, 0 (none) to 2,147,483,647; 2835 is 72 pixels an inch. PPM has none.",
    }),
  }),
});
