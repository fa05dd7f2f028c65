# SPDX-License-Identifier: Apache-2.0
"""This folder is about tests of certificates: grammar, forgeries, schemas; and certificates, valid and not."""
