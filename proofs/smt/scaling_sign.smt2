; SPDX-License-Identifier: Apache-2.0
; This file is about signs and scalings: only the sign of the scaling is left; with 1 at 0 the negative ones are lost.
(set-info :smt-lib-version 2.6)
(set-logic QF_NRA)
(define-fun sign ((y Real)) Real (ite (> y 0) 1 (ite (< y 0) (- 1) 0)))
(define-fun bipolar_sign ((y Real)) Real (ite (>= y 0) 1 (- 1)))
(declare-const c Real)
(declare-const y Real)
; sign(c y) = sign(c) sign(y) for c other than 0
(push 1)
(assert (not (= c 0)))
(assert (not (= (sign (* c y)) (* (sign c) (sign y)))))
(set-info :status unsat)
(check-sat)
(pop 1)
; the same for the bipolar sign and c > 0
(push 1)
(assert (> c 0))
(assert (not (= (bipolar_sign (* c y)) (* (bipolar_sign c) (bipolar_sign y)))))
(set-info :status unsat)
(check-sat)
(pop 1)
; but not for c < 0: at 0 it is 1
(push 1)
(assert (< c 0))
(assert (not (= (bipolar_sign (* c y)) (* (bipolar_sign c) (bipolar_sign y)))))
(set-info :status sat)
(check-sat)
(pop 1)
