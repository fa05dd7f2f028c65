(* SPDX-License-Identifier: Apache-2.0 *)
(** This file is about the axioms that each headline theorem rests on: what it prints is compared with Audit.out. *)
From Exactlump Require Import Paper LumpingProof MaximumProof Erratum Relaxation SimulationProof PaperMain CheckerProof Main.

Print Assumptions theorem_1_semantics_preserved.
Print Assumptions same_key_iff_proportional.
Print Assumptions theorem_2_maximum_exists.
Print Assumptions theorem_2_maximum_unique.
Print Assumptions maximum_reduction_preserves.
Print Assumptions printed_definition_6_is_unsound.
Print Assumptions no_maximum_if_dead_nodes_count.
Print Assumptions theorem_7_closed_form.
Print Assumptions leaky_exact_iff_same_sign.
Print Assumptions relu_exact_iff_same_sign.
Print Assumptions leaky_exact_iff_triangle.
Print Assumptions paper_relaxation.
Print Assumptions theorem_5_simulation.
Print Assumptions lumping_is_a_simulation.
Print Assumptions remove_preserves_semantics.
Print Assumptions fuse_preserves_semantics.
Print Assumptions theorem_1_rationals.
Print Assumptions theorem_1_reals.
Print Assumptions check_sound.
Print Assumptions accepted_networks_are_equal_everywhere.
Print Assumptions accepted_networks_are_equal_rationally.
Print Assumptions accepted_networks_are_equal.
