"""Contracts: what partners have agreed to send, and the rules that both sides hold to.

Put here: the contract's model, its reading and what is derived from it. Never here: a delivery.
"""

from spine.contracts.confined import confine, is_one_select
from spine.contracts.functions import install_functions
from spine.contracts.load import load_contracts
from spine.contracts.model import Column, Contract, Partner, Supply, Table
from spine.contracts.odcs import read_odcs
from spine.contracts.partners import load_partners
from spine.contracts.read_rules import rules_of
from spine.contracts.rules import Rule, RuleResult, Threshold, judge
from spine.contracts.waivers import Waiver, load_waivers, waived_rules

__all__ = [
    "Column",
    "Contract",
    "Partner",
    "Rule",
    "RuleResult",
    "Supply",
    "Table",
    "Threshold",
    "Waiver",
    "confine",
    "install_functions",
    "is_one_select",
    "judge",
    "load_contracts",
    "load_partners",
    "load_waivers",
    "read_odcs",
    "rules_of",
    "waived_rules",
]
