"""What random lives do not do yet, because the rules do not have it yet."""

import os

# True with the change that brings it.  PAYDESK_AHEAD has it at once: all that has
# these words in its name.
HAVE = {
    "several changes of a subscription in one second": False,
    "an older invoice that is paid late": False,
    "money for what is not sold here": False,
    "an add-on beside a price that nobody knows": False,
    "the beginning of a grace in every order": False,
    "a day to cancel at that comes before the end of a trial": False,
    "an overdue change of plan beside a cycle that is paid": False,
    "the end of a customer, told before that of what they had": False,
    "refunds, disputes and fraud warnings by policy": False,
    "metadata that alone names the plan of what Stripe hands out": False,
    "a catalog applied while events come": False,
    "an add-on as a subscription of its own": False,
}
AHEAD = os.environ.get("PAYDESK_AHEAD")


def have(what):
    return HAVE[what] or (AHEAD is not None and AHEAD in what)
