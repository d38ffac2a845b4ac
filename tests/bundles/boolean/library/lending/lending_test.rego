package library.lending_test

import data.library.lending

test_anybody_may_read if lending.allowed with input as {"action": {"name": "read"}}

test_a_stranger_may_not_borrow if {
	not lending.allowed with input as {"subject": {"id": "eve"}, "action": {"name": "borrow"}}
}
