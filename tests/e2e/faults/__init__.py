# SPDX-License-Identifier: Apache-2.0
"""The fault matrix: outputs times what can go wrong, each cell judged by the ids of events."""
