#include "textflag.h"

// func multiplyNEON(c *float32, ldc int, a *float32, lda int, b *float32, k int, scale, bias *float32, rows int)
//
// A block of 4 rows by 16 columns is kept in V16 to V31 while k is walked. Of fewer rows, the last one is computed again in place of
// those that are missing, which costs no time that the multiply-adds would not wait for anyhow.

#define NEXT(count, first, second, step) \
	CMP $count, R10; \
	ADD step, first, second; \
	CSEL GE, second, first, second

#define ROW(a, c0, c1, c2, c3) \
	VFMLA V0.S4, a.S4, c0.S4; \
	VFMLA V1.S4, a.S4, c1.S4; \
	VFMLA V2.S4, a.S4, c2.S4; \
	VFMLA V3.S4, a.S4, c3.S4

#define STORE(to, c0, c1, c2, c3) \
	VMOV V4.B16, V8.B16; \
	VMOV V5.B16, V9.B16; \
	VMOV V6.B16, V10.B16; \
	VMOV V7.B16, V11.B16; \
	VFMLA V0.S4, c0.S4, V8.S4; \
	VFMLA V1.S4, c1.S4, V9.S4; \
	VFMLA V2.S4, c2.S4, V10.S4; \
	VFMLA V3.S4, c3.S4, V11.S4; \
	VST1 [V8.S4, V9.S4, V10.S4, V11.S4], (to)

TEXT ·multiplyNEON(SB), NOSPLIT, $0-72
	MOVD c+0(FP), R0
	MOVD ldc+8(FP), R1
	LSL $2, R1, R1
	MOVD a+16(FP), R2
	MOVD lda+24(FP), R3
	LSL $2, R3, R3
	MOVD b+32(FP), R6
	MOVD k+40(FP), R7
	MOVD rows+64(FP), R10
	NEXT(2, R2, R11, R3)
	NEXT(3, R11, R12, R3)
	NEXT(4, R12, R13, R3)
	NEXT(2, R0, R14, R1)
	NEXT(3, R14, R15, R1)
	NEXT(4, R15, R4, R1)
	VEOR V16.B16, V16.B16, V16.B16
	VEOR V17.B16, V17.B16, V17.B16
	VEOR V18.B16, V18.B16, V18.B16
	VEOR V19.B16, V19.B16, V19.B16
	VEOR V20.B16, V20.B16, V20.B16
	VEOR V21.B16, V21.B16, V21.B16
	VEOR V22.B16, V22.B16, V22.B16
	VEOR V23.B16, V23.B16, V23.B16
	VEOR V24.B16, V24.B16, V24.B16
	VEOR V25.B16, V25.B16, V25.B16
	VEOR V26.B16, V26.B16, V26.B16
	VEOR V27.B16, V27.B16, V27.B16
	VEOR V28.B16, V28.B16, V28.B16
	VEOR V29.B16, V29.B16, V29.B16
	VEOR V30.B16, V30.B16, V30.B16
	VEOR V31.B16, V31.B16, V31.B16

walk:
	VLD1.P 64(R6), [V0.S4, V1.S4, V2.S4, V3.S4]
	VLD1R.P 4(R2), [V4.S4]
	VLD1R.P 4(R11), [V5.S4]
	VLD1R.P 4(R12), [V6.S4]
	VLD1R.P 4(R13), [V7.S4]
	ROW(V4, V16, V17, V18, V19)
	ROW(V5, V20, V21, V22, V23)
	ROW(V6, V24, V25, V26, V27)
	ROW(V7, V28, V29, V30, V31)
	SUBS $1, R7, R7
	BNE walk

	MOVD scale+48(FP), R8
	MOVD bias+56(FP), R9
	VLD1 (R8), [V0.S4, V1.S4, V2.S4, V3.S4]
	VLD1 (R9), [V4.S4, V5.S4, V6.S4, V7.S4]
	STORE(R0, V16, V17, V18, V19)
	STORE(R14, V20, V21, V22, V23)
	STORE(R15, V24, V25, V26, V27)
	STORE(R4, V28, V29, V30, V31)
	RET

// func unpackNEON(to *float32, from *int8, n int)
//
// The assembler has no names for SSHLL, which makes numbers twice as wide, and SCVTF, which makes them float32.
TEXT ·unpackNEON(SB), NOSPLIT, $0-24
	MOVD to+0(FP), R0
	MOVD from+8(FP), R1
	MOVD n+16(FP), R2

unpack:
	VLD1.P 16(R1), [V0.B16]
	WORD $0x0f08a401 // SSHLL V1.8H, V0.8B, #0
	WORD $0x4f08a402 // SSHLL2 V2.8H, V0.16B, #0
	WORD $0x0f10a424 // SSHLL V4.4S, V1.4H, #0
	WORD $0x4f10a425 // SSHLL2 V5.4S, V1.8H, #0
	WORD $0x0f10a446 // SSHLL V6.4S, V2.4H, #0
	WORD $0x4f10a447 // SSHLL2 V7.4S, V2.8H, #0
	WORD $0x4e21d884 // SCVTF V4.4S, V4.4S
	WORD $0x4e21d8a5 // SCVTF V5.4S, V5.4S
	WORD $0x4e21d8c6 // SCVTF V6.4S, V6.4S
	WORD $0x4e21d8e7 // SCVTF V7.4S, V7.4S
	VST1.P [V4.S4, V5.S4, V6.S4, V7.S4], 64(R0)
	SUBS $16, R2, R2
	BNE unpack
	RET
