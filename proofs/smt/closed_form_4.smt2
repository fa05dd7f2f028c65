; SPDX-License-Identifier: Apache-2.0
; This file is about what a linear combination of 4 neurons loses, in closed form (T7), for any coefficients and slope a:
; sum r_i leaky(y_i) - leaky(sum r_i y_i) = (1 - a)/2 (sum r_i |y_i| - |sum r_i y_i|).
; z_i is r_i y_i, and p_i says whether y_i >= 0: then r_i leaky(y_i) is z_i or a z_i, and r_i |y_i| is z_i or -z_i.
; It holds for all z_i and p_i, also those that come from no r_i and y_i; both sides times 2.
(set-info :smt-lib-version 2.6)
(set-logic QF_NRA)
(define-fun leaky ((a Real) (y Real)) Real (ite (>= y 0) y (* a y)))
(define-fun absolute ((y Real)) Real (ite (>= y 0) y (- y)))
(declare-const a Real)
(declare-const z1 Real)
(declare-const z2 Real)
(declare-const z3 Real)
(declare-const z4 Real)
(declare-const p1 Bool)
(declare-const p2 Bool)
(declare-const p3 Bool)
(declare-const p4 Bool)
(define-fun lost () Real (- (+ (ite p1 z1 (* a z1)) (ite p2 z2 (* a z2)) (ite p3 z3 (* a z3)) (ite p4 z4 (* a z4))) (leaky a (+ z1 z2 z3 z4))))
(define-fun closed () Real (* (- 1 a) (- (+ (ite p1 z1 (- z1)) (ite p2 z2 (- z2)) (ite p3 z3 (- z3)) (ite p4 z4 (- z4))) (absolute (+ z1 z2 z3 z4)))))
(assert (not (= (* 2 lost) closed)))
(set-info :status unsat)
(check-sat)
