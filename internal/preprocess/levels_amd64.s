#include "textflag.h"

// func levelsAVX2(dst *float32, pixels *uint64, n int, shift uint64, scale, offset float32)
//
// Eight pixels at a time: the byte that begins at bit shift of each becomes a
// float, times scale, plus offset. n is a multiple of 8 above 0.
TEXT ·levelsAVX2(SB), NOSPLIT, $0-40
	MOVQ         dst+0(FP), DI
	MOVQ         pixels+8(FP), SI
	MOVQ         n+16(FP), CX
	MOVQ         shift+24(FP), X0
	VBROADCASTSS scale+32(FP), Y1
	VBROADCASTSS offset+36(FP), Y2
	VPCMPEQD     Y3, Y3, Y3
	VPSRLD       $24, Y3, Y3         // 255 in every lane

eight:
	VMOVDQU   (SI), Y4
	VMOVDQU   32(SI), Y5
	VPSRLQ    X0, Y4, Y4
	VPSRLQ    X0, Y5, Y5
	VSHUFPS   $0x88, Y5, Y4, Y6      // the low halves: 0 1 4 5 | 2 3 6 7
	VPERMQ    $0xD8, Y6, Y6          // in order
	VPAND     Y3, Y6, Y6
	VCVTDQ2PS Y6, Y6
	VMULPS    Y1, Y6, Y6
	VADDPS    Y2, Y6, Y6
	VMOVUPS   Y6, (DI)
	ADDQ      $64, SI
	ADDQ      $32, DI
	SUBQ      $8, CX
	JNZ       eight
	VZEROUPPER
	RET
