# SPDX-License-Identifier: Apache-2.0
"""Real servers for the tests, each started, awaited and stopped by its module. Standard library only."""
