; SPDX-License-Identifier: Apache-2.0
; This file is about dead neurons in sums: were they counted, there would be no maximum (1-2-3-1, z1 = z2 = 0).
; v = z1 + 1, t = z2 + 1, s = 2 z1 + 1; d1 and d2 are 1/rho of z1 and z2, which form one class.
(set-info :smt-lib-version 2.6)
(set-logic QF_NRA)
(declare-const d1 Real)
(declare-const d2 Real)
(declare-const k1 Real)
(declare-const k2 Real)
(declare-const k3 Real)
(define-fun proper () Bool (and (> d1 0) (> d2 0) (> k1 0) (> k2 0) (> k3 0)))
; Class sums and biases are proportional, with the ratio k.
(define-fun v_t () Bool (and (= d1 (* k1 d2)) (= 1 (* k1 1))))
(define-fun t_s () Bool (and (= d2 (* k2 2 d1)) (= 1 (* k2 1))))
(define-fun v_s () Bool (and (= d1 (* k3 2 d1)) (= 1 (* k3 1))))
; v and t may be related
(push 1)
(assert proper)
(assert v_t)
(set-info :status sat)
(check-sat)
(pop 1)
; t and s may be related
(push 1)
(assert proper)
(assert t_s)
(set-info :status sat)
(check-sat)
(pop 1)
; not all three
(push 1)
(assert proper)
(assert v_t)
(assert t_s)
(set-info :status unsat)
(check-sat)
(pop 1)
; and v and s never
(push 1)
(assert proper)
(assert v_s)
(set-info :status unsat)
(check-sat)
(pop 1)
