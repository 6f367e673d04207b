"""What random lives do not do yet, because the rules do not have it yet."""

import os

# True with the change that brings it.  PAYDESK_AHEAD has it at once: all that has
# these words in its name.
HAVE = {
    "several changes of a subscription in one second": True,
    "an older invoice that is paid late": True,
    "money for what is not sold here": True,
    "an add-on beside a price that nobody knows": True,
    "the beginning of a grace in every order": True,
    "a day to cancel at that comes before the end of a trial": True,
    "an overdue change of plan beside a cycle that is paid": True,
    "the end of a customer, told before that of what they had": True,
    "refunds, disputes and fraud warnings by policy": True,
    "metadata that alone names the plan of what Stripe hands out": True,
    "a catalog applied while events come": True,
    "an add-on as a subscription of its own": True,
    "an older refund while nothing was paid for the period that runs": True,
    "the plan that is kept when it changed in that very second": True,
    "the reason when what is disputed has been stopped as well": True,
}
AHEAD = os.environ.get("PAYDESK_AHEAD")


def have(what):
    return HAVE[what] or bool(AHEAD) and AHEAD in what
