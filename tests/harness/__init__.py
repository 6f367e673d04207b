"""What the tests share: a running desk, Stripe's side of the wire, TAP."""
