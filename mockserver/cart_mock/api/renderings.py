"""What carts look like in lists, kept while their documents are stored."""

from __future__ import annotations

from collections import OrderedDict

from msgspec import Raw

from cart_mock.api.serializers import shown_record
from cart_mock.messages import encode_json
from cart_mock.state.store import CartRecord

LARGEST = 4096
"""How many bytes a rendering may have that is kept."""


class Renderings:
    """The last ``most`` renderings of carts, by the identity of the carts' documents.

    A document is replaced by another object when its cart is written: while it is the same one,
    the cart looks the same. So a store need not know what is kept here.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self.by_document: OrderedDict[int, tuple[bytes, int, Raw]] = OrderedDict()

    def of(self, record: CartRecord) -> Raw:
        """Return the rendering of a cart, a kept one if there is one."""
        document, later, crowd = record
        # What is kept has its document, so that no other object gets that identity.
        kept = self.by_document.get(id(document))
        if kept is not None and kept[1] == later:
            return kept[2]
        rendering = encode_json(shown_record(record))
        raw = Raw(rendering)
        if crowd is None and len(rendering) <= LARGEST:
            self.by_document[id(document)] = (document, later, raw)
            if len(self.by_document) > self._most:
                self.by_document.popitem(last=False)
        return raw


CART_RENDERINGS = Renderings(32_768)
"""Those of all stores of a process. Of carts without items, they take some 30 MB."""
