#include "textflag.h"

// func multiplyAVX512(c *float32, ldc int, a *float32, lda int, b *float32, k int, scale, bias *float32, rows int)
//
// A block of up to 12 rows by 32 columns, two panels, is kept in Z0 to Z23 while k is walked: for each k two registers of b, and
// one number of each row of a, which the multiply-add itself spreads over a register. The second panel lies 64*k bytes behind the
// first. Row r of a is at SI + r*R8, or from row 3, 6 and 9 on at R9, R10 and R11.

#define ROW(address, low, high) \
	VFMADD231PS.BCST address, Z24, low; \
	VFMADD231PS.BCST address, Z25, high

#define STEP1 VMOVUPS (BX), Z24; VMOVUPS (BX)(R12*1), Z25; ROW((SI), Z0, Z1)
#define STEP2 STEP1; ROW((SI)(R8*1), Z2, Z3)
#define STEP3 STEP2; ROW((SI)(R8*2), Z4, Z5)
#define STEP4 STEP3; ROW((R9), Z6, Z7)
#define STEP5 STEP4; ROW((R9)(R8*1), Z8, Z9)
#define STEP6 STEP5; ROW((R9)(R8*2), Z10, Z11)
#define STEP7 STEP6; ROW((R10), Z12, Z13)
#define STEP8 STEP7; ROW((R10)(R8*1), Z14, Z15)
#define STEP9 STEP8; ROW((R10)(R8*2), Z16, Z17)
#define STEP10 STEP9; ROW((R11), Z18, Z19)
#define STEP11 STEP10; ROW((R11)(R8*1), Z20, Z21)
#define STEP12 STEP11; ROW((R11)(R8*2), Z22, Z23)

#define WALK(STEP, loop) \
loop: \
	STEP; \
	ADDQ $64, BX; \
	ADDQ $4, SI; \
	ADDQ $4, R9; \
	ADDQ $4, R10; \
	ADDQ $4, R11; \
	DECQ CX; \
	JNZ loop

#define STORE(low, high) \
	VFMADD213PS Z26, Z24, low; \
	VFMADD213PS Z27, Z25, high; \
	VMOVUPS low, (DI); \
	VMOVUPS high, 64(DI); \
	ADDQ DX, DI

#define FACTORS \
	MOVQ scale+48(FP), R11; \
	MOVQ bias+56(FP), R12; \
	VMOVUPS (R11), Z24; \
	VMOVUPS 64(R11), Z25; \
	VMOVUPS (R12), Z26; \
	VMOVUPS 64(R12), Z27

#define STORE1 FACTORS; STORE(Z0, Z1)
#define STORE2 STORE1; STORE(Z2, Z3)
#define STORE3 STORE2; STORE(Z4, Z5)
#define STORE4 STORE3; STORE(Z6, Z7)
#define STORE5 STORE4; STORE(Z8, Z9)
#define STORE6 STORE5; STORE(Z10, Z11)
#define STORE7 STORE6; STORE(Z12, Z13)
#define STORE8 STORE7; STORE(Z14, Z15)
#define STORE9 STORE8; STORE(Z16, Z17)
#define STORE10 STORE9; STORE(Z18, Z19)
#define STORE11 STORE10; STORE(Z20, Z21)
#define STORE12 STORE11; STORE(Z22, Z23)

#define CASE(STEP, loop, STORES) \
	WALK(STEP, loop); \
	STORES; \
	VZEROUPPER; \
	RET

TEXT ·multiplyAVX512(SB), NOSPLIT, $0-72
	MOVQ c+0(FP), DI
	MOVQ ldc+8(FP), DX
	SHLQ $2, DX
	MOVQ a+16(FP), SI
	MOVQ lda+24(FP), R8
	SHLQ $2, R8
	LEAQ (R8)(R8*2), AX
	LEAQ (SI)(AX*1), R9
	LEAQ (SI)(AX*2), R10
	LEAQ (R9)(AX*2), R11
	MOVQ b+32(FP), BX
	MOVQ k+40(FP), CX
	MOVQ CX, R12
	SHLQ $6, R12
	MOVQ rows+64(FP), AX
	VPXORD Z0, Z0, Z0
	VPXORD Z1, Z1, Z1
	VPXORD Z2, Z2, Z2
	VPXORD Z3, Z3, Z3
	VPXORD Z4, Z4, Z4
	VPXORD Z5, Z5, Z5
	VPXORD Z6, Z6, Z6
	VPXORD Z7, Z7, Z7
	VPXORD Z8, Z8, Z8
	VPXORD Z9, Z9, Z9
	VPXORD Z10, Z10, Z10
	VPXORD Z11, Z11, Z11
	VPXORD Z12, Z12, Z12
	VPXORD Z13, Z13, Z13
	VPXORD Z14, Z14, Z14
	VPXORD Z15, Z15, Z15
	VPXORD Z16, Z16, Z16
	VPXORD Z17, Z17, Z17
	VPXORD Z18, Z18, Z18
	VPXORD Z19, Z19, Z19
	VPXORD Z20, Z20, Z20
	VPXORD Z21, Z21, Z21
	VPXORD Z22, Z22, Z22
	VPXORD Z23, Z23, Z23
	CMPQ AX, $12
	JEQ rows12
	CMPQ AX, $11
	JEQ rows11
	CMPQ AX, $10
	JEQ rows10
	CMPQ AX, $9
	JEQ rows9
	CMPQ AX, $8
	JEQ rows8
	CMPQ AX, $7
	JEQ rows7
	CMPQ AX, $6
	JEQ rows6
	CMPQ AX, $5
	JEQ rows5
	CMPQ AX, $4
	JEQ rows4
	CMPQ AX, $3
	JEQ rows3
	CMPQ AX, $2
	JEQ rows2
	CASE(STEP1, loop1, STORE1)

rows2:
	CASE(STEP2, loop2, STORE2)

rows3:
	CASE(STEP3, loop3, STORE3)

rows4:
	CASE(STEP4, loop4, STORE4)

rows5:
	CASE(STEP5, loop5, STORE5)

rows6:
	CASE(STEP6, loop6, STORE6)

rows7:
	CASE(STEP7, loop7, STORE7)

rows8:
	CASE(STEP8, loop8, STORE8)

rows9:
	CASE(STEP9, loop9, STORE9)

rows10:
	CASE(STEP10, loop10, STORE10)

rows11:
	CASE(STEP11, loop11, STORE11)

rows12:
	CASE(STEP12, loop12, STORE12)

// func unpackAVX512(to *float32, from *int8, n int)
TEXT ·unpackAVX512(SB), NOSPLIT, $0-24
	MOVQ to+0(FP), DI
	MOVQ from+8(FP), SI
	MOVQ n+16(FP), CX

unpack:
	VPMOVSXBD (SI), Z0
	VCVTDQ2PS Z0, Z0
	VMOVUPS Z0, (DI)
	ADDQ $16, SI
	ADDQ $64, DI
	SUBQ $16, CX
	JNZ unpack
	VZEROUPPER
	RET
