;; Turns pixels into bytes, four at a time, in the memory that they lie in. packer.wasm is made of this file by
;; `npx node gpu-worker/assemble.ts`, and packer.ts uses it.
(module
  (import "env" "memory" (memory 1))

  ;; The pixels from byte $pixels up to $end, a multiple of 16 bytes, are 32-bit floats, 0xRRGGBB each. Their bytes
  ;; take their place from $pixels on, $step (12 or 16) for every four pixels. Of four pixels' 16 bytes (B, G, R, 0 each),
  ;; each byte that is written is the one whose index $first (the bytes 0 to 7) or $last (8 to 15) has there. Every store writes 16
  ;; bytes, never past the four pixels that have just been read; what is too much is overwritten by the next.
  (func (export "pack")
    (param $pixels i32) (param $end i32) (param $step i32) (param $first i64) (param $last i64)
    (local $order v128)
    (local $bytes i32)
    (local.set $order (i64x2.replace_lane 1 (i64x2.splat (local.get $first)) (local.get $last)))
    (local.set $bytes (local.get $pixels))
    (loop $quads
      (v128.store
        (local.get $bytes)
        (i8x16.swizzle (i32x4.trunc_sat_f32x4_s (v128.load (local.get $pixels))) (local.get $order)))
      (local.set $pixels (i32.add (local.get $pixels) (i32.const 16)))
      (local.set $bytes (i32.add (local.get $bytes) (local.get $step)))
      (br_if $quads (i32.lt_u (local.get $pixels) (local.get $end))))))
