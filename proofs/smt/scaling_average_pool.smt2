; SPDX-License-Identifier: Apache-2.0
; This file is about average-pooling and scalings: the mean of c y_i is c times the mean, for every c, here of four.
(set-info :smt-lib-version 2.6)
(set-logic QF_NRA)
(declare-const c Real)
(declare-const y1 Real)
(declare-const y2 Real)
(declare-const y3 Real)
(declare-const y4 Real)
(assert (not (= (* (/ 1 4) (+ (* c y1) (* c y2) (* c y3) (* c y4))) (* c (* (/ 1 4) (+ y1 y2 y3 y4))))))
(set-info :status unsat)
(check-sat)
