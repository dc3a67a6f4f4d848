#include "textflag.h"

// func multiplyAVX2(c *float32, ldc int, a *float32, lda int, b *float32, k int, scale, bias *float32, rows int)
//
// A block of up to 6 rows by 16 columns is kept in Y0 to Y11 while k is walked: for each k two registers of b, and one number of
// each row of a spread over a register, give twelve multiply-adds. Row r of a is at SI + r*R8, or from row 3 on at
// R9 + (r-3)*R8.

#define LOAD(o) \
	VMOVUPS (64*o)(BX), Y12; \
	VMOVUPS (64*o+32)(BX), Y13

#define ROW(address, low, high) \
	VBROADCASTSS address, Y14; \
	VFMADD231PS Y12, Y14, low; \
	VFMADD231PS Y13, Y14, high

#define STEP1(o) LOAD(o); ROW((4*o)(SI), Y0, Y1)
#define STEP2(o) STEP1(o); ROW((4*o)(SI)(R8*1), Y2, Y3)
#define STEP3(o) STEP2(o); ROW((4*o)(SI)(R8*2), Y4, Y5)
#define STEP4(o) STEP3(o); ROW((4*o)(R9), Y6, Y7)
#define STEP5(o) STEP4(o); ROW((4*o)(R9)(R8*1), Y8, Y9)
#define STEP6(o) STEP5(o); ROW((4*o)(R9)(R8*2), Y10, Y11)

#define WALK(STEP, four, one, single, done) \
	SUBQ $4, CX; \
	JLT one; \
four: \
	STEP(0); STEP(1); STEP(2); STEP(3); \
	ADDQ $256, BX; \
	ADDQ $16, SI; \
	ADDQ $16, R9; \
	SUBQ $4, CX; \
	JGE four; \
one: \
	ADDQ $4, CX; \
	JZ done; \
single: \
	STEP(0); \
	ADDQ $64, BX; \
	ADDQ $4, SI; \
	ADDQ $4, R9; \
	DECQ CX; \
	JNZ single; \
done:

#define STORE(low, high) \
	VFMADD213PS Y14, Y12, low; \
	VFMADD213PS Y15, Y13, high; \
	VMOVUPS low, (DI); \
	VMOVUPS high, 32(DI); \
	ADDQ R10, DI

#define FACTORS \
	MOVQ scale+48(FP), R11; \
	MOVQ bias+56(FP), R12; \
	VMOVUPS (R11), Y12; \
	VMOVUPS 32(R11), Y13; \
	VMOVUPS (R12), Y14; \
	VMOVUPS 32(R12), Y15

TEXT ·multiplyAVX2(SB), NOSPLIT, $0-72
	MOVQ c+0(FP), DI
	MOVQ ldc+8(FP), R10
	SHLQ $2, R10
	MOVQ a+16(FP), SI
	MOVQ lda+24(FP), R8
	SHLQ $2, R8
	LEAQ (SI)(R8*2), R9
	ADDQ R8, R9
	MOVQ b+32(FP), BX
	MOVQ k+40(FP), CX
	MOVQ rows+64(FP), DX
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	VXORPS Y2, Y2, Y2
	VXORPS Y3, Y3, Y3
	VXORPS Y4, Y4, Y4
	VXORPS Y5, Y5, Y5
	VXORPS Y6, Y6, Y6
	VXORPS Y7, Y7, Y7
	VXORPS Y8, Y8, Y8
	VXORPS Y9, Y9, Y9
	VXORPS Y10, Y10, Y10
	VXORPS Y11, Y11, Y11
	CMPQ DX, $6
	JEQ rows6
	CMPQ DX, $5
	JEQ rows5
	CMPQ DX, $4
	JEQ rows4
	CMPQ DX, $3
	JEQ rows3
	CMPQ DX, $2
	JEQ rows2

	WALK(STEP1, four1, one1, single1, done1)
	FACTORS
	STORE(Y0, Y1)
	VZEROUPPER
	RET

rows2:
	WALK(STEP2, four2, one2, single2, done2)
	FACTORS
	STORE(Y0, Y1)
	STORE(Y2, Y3)
	VZEROUPPER
	RET

rows3:
	WALK(STEP3, four3, one3, single3, done3)
	FACTORS
	STORE(Y0, Y1)
	STORE(Y2, Y3)
	STORE(Y4, Y5)
	VZEROUPPER
	RET

rows4:
	WALK(STEP4, four4, one4, single4, done4)
	FACTORS
	STORE(Y0, Y1)
	STORE(Y2, Y3)
	STORE(Y4, Y5)
	STORE(Y6, Y7)
	VZEROUPPER
	RET

rows5:
	WALK(STEP5, four5, one5, single5, done5)
	FACTORS
	STORE(Y0, Y1)
	STORE(Y2, Y3)
	STORE(Y4, Y5)
	STORE(Y6, Y7)
	STORE(Y8, Y9)
	VZEROUPPER
	RET

rows6:
	WALK(STEP6, four6, one6, single6, done6)
	FACTORS
	STORE(Y0, Y1)
	STORE(Y2, Y3)
	STORE(Y4, Y5)
	STORE(Y6, Y7)
	STORE(Y8, Y9)
	STORE(Y10, Y11)
	VZEROUPPER
	RET
