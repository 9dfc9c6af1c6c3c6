from tests.conformance.test_fuzz import *
from cart_conformance.schemathesis import fuzzing as fuzz, fixtures
fuzz.EXAMPLES=8
fixtures.OPERATIONS=("getCustomers","getCustomer"); fixtures.CUSTOMER_OPERATIONS=("createCustomer","updateCustomer",)
for d in deviations(on(Service(VARIANTS["carts made lazily, shoppers use any cart"]))):
    print(d.rule,d.level,d.operation,d.expected,"|",d.actual, d.exchange.method,d.exchange.url,[h for h in d.exchange.request_headers if h[0] in("Authorization","X-Moltin-Customer-Token")])
