"""Which carts there are, in the order of their updates: all, and those of each owner."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from cart_mock.owners import Owner
from cart_mock.state.cart_documents import crowds_of, read_indexed, upgraded_cart
from cart_mock.state.entities import CART_LIFETIME, Cart, Owners
from cart_mock.state.indexes import SortedPlaces, UpdateOrderIndex, ascend
from cart_mock.state.owner_list import OwnerList
from cart_mock.state.tinydb_tables import Documents
from cart_mock.state.turns import in_turns

_NO_PLACES = SortedPlaces()


class CartIndexes:
    """The indexes of a store's carts. Stores with the same seed share them until one is changed.

    The index of an owner has each cart's place of ``by_update``, but for crowded carts: these are
    moved by an update, and removed by a deletion, without a walk over their owners.
    ``_crowded_carts_of`` has the places that the index of an owner has for such carts.
    """

    def __init__(self) -> None:
        """Make the indexes of a store without carts."""
        self.by_update = UpdateOrderIndex()
        self._by_expiry = UpdateOrderIndex()
        """The expiry of the carts whose lifetime is not the default one."""
        self.by_reading = UpdateOrderIndex()
        """The carts that were made by reading, and not changed since."""
        self._expired = float("-inf")
        """No cart with the default lifetime was last updated at this moment or before it."""
        self.registered = SortedPlaces()
        """The places of the carts with an owner."""
        self.crowds: dict[str, OwnerList] = {}
        """The owners of each crowded cart, by its id."""
        self._carts_of: dict[Owner, SortedPlaces] = {}
        self._crowded_carts_of: dict[Owner, dict[str, int]] = {}
        self._own_places: set[Owner] | None = None
        """The owners whose places were copied. None if these indexes are not a copy."""
        self.next_expiry = float("inf")
        """No cart expires before this moment, in seconds since the epoch."""

    @classmethod
    def of(cls, documents: Documents, links: Documents, order: Iterable[str] = ()) -> CartIndexes:
        """Return the indexes of carts. Their documents and links are brought to the present form.

        ``order`` has the ids of carts in the order of updates in one second.
        """
        made = cls()
        crowds = made.crowds = crowds_of(links)
        read: dict[str, int] = {}
        ids, times, owners_ = made._carts_by_update(documents, order, read)
        registered: list[int] = []
        places_of: defaultdict[Owner, list[int]] = defaultdict(list)
        places = made.by_update.fill(ids, times)
        for place, cart_id, has in in_turns(zip(places, ids, owners_, strict=True)):
            if has:
                registered.append(place)
                for owner in has if len(has) == 1 else dict.fromkeys(has):
                    places_of[owner].append(place)
                    if cart_id in crowds:
                        made._crowded_carts_of.setdefault(owner, {})[cart_id] = place
            if cart_id in read:
                made.by_reading.set(cart_id, read[cart_id])
        made.registered = SortedPlaces.of(registered)
        made._carts_of = {owner: SortedPlaces.of(own) for owner, own in places_of.items()}
        made.look_ahead()
        return made

    def _carts_by_update(
        self, documents: Documents, order: Iterable[str], read: dict[str, int]
    ) -> tuple[list[str], list[int], list[Owners]]:
        """Return the ids, times of update and owners of all carts, the least recent update first.

        Note the times of those that were made by reading, and index those of another lifetime.
        """
        times: list[int] = []
        owners_: list[Owners] = []
        known, crowds = dict[Owners, Owners](), self.crowds
        for cart_id, text in in_turns(documents.items()):
            cart = read_indexed(text)
            if not cart.owners and b'"customers"' in text:
                upgraded = documents[cart_id] = upgraded_cart(text)
                cart = read_indexed(upgraded)
            times.append(cart.updated_at)
            # The same owners are kept once, or they would take much memory until the end.
            owners_.append(crowds.get(cart_id) or known.setdefault(cart.owners, cart.owners))
            if cart.lifetime != CART_LIFETIME:
                self._by_expiry.set(cart_id, cart.updated_at + cart.lifetime)
            if cart.by_reading:
                read[cart_id] = cart.updated_at
        ids = list(documents)
        ordered = {cart_id: at for at, cart_id in enumerate(order)}
        if ordered or not ascend(times):
            ranks = sorted(range(len(ids)), key=lambda at: (times[at], ordered.get(ids[at], 0)))
            ids, times = [ids[at] for at in ranks], [times[at] for at in ranks]
            owners_ = [owners_[at] for at in ranks]
        return ids, times, owners_

    def copy(self, later: int) -> CartIndexes:
        """Return indexes that change apart from these, of carts updated so many seconds later."""
        copied = CartIndexes()
        copied.by_update = self.by_update.copy(later)
        copied._by_expiry = self._by_expiry.copy(later)
        copied.by_reading = self.by_reading.copy(later)
        copied.registered = self.registered.copy()
        copied.crowds = self.crowds.copy()
        copied._carts_of = self._carts_of.copy()
        copied._crowded_carts_of = {o: own.copy() for o, own in self._crowded_carts_of.items()}
        copied._own_places = set()
        copied.next_expiry = self.next_expiry + later
        return copied

    # ---- Looking up -------------------------------------------------------------------------

    def ids_by_update(self) -> Iterator[str]:
        """Return the ids of all carts, the least recent update first."""
        return self.by_update.carts_at(self.by_update.places)

    def ids_of(self, owner: Owner) -> list[str]:
        """Return the ids of an owner's carts, the least recent update first."""
        return list(self.by_update.carts_at(self.places_of(owner)))

    def page(self, places: SortedPlaces, offset: int, limit: int) -> tuple[list[str], int]:
        """Return the ids of a page of carts, newest update first, and how many there are."""
        return list(self.by_update.carts_at(places.newest_first(offset, limit))), len(places)

    def places_of(self, owner: Owner) -> SortedPlaces:
        """Return the places of an owner's carts, to be read and not changed."""
        crowded = self._crowded_carts_of.get(owner)
        if crowded is not None:
            for cart_id, place in list(crowded.items()):
                if owner not in self.crowds.get(cart_id, ()):
                    self._remove(cart_id, owner)
                elif (present := self.by_update.place(cart_id)) != place:
                    self._move(owner, place, present)
                    crowded[cart_id] = present
        return self._carts_of.get(owner, _NO_PLACES)

    # ---- Expiry -----------------------------------------------------------------------------

    def expired(self, now: float) -> list[str]:
        """Return the ids of the carts that are past their time."""
        usual = self.by_update.older_than(now - CART_LIFETIME, self._expired)
        cart_ids = [cart_id for cart_id in usual if cart_id not in self._by_expiry]
        return cart_ids + self._by_expiry.older_than(now)

    def look_ahead(self, now: float = float("-inf")) -> None:
        """Find out the next expiry, when no cart is left that was past its time ``now``."""
        # Carts with a longer lifetime stay before this moment, and are not looked at again.
        self._expired = max(self._expired, now - CART_LIFETIME)
        usual = self.by_update.min_updated_at(self._expired) + CART_LIFETIME
        self.next_expiry = min(usual, self._by_expiry.min_updated_at())

    # ---- Changes ----------------------------------------------------------------------------

    def put(
        self, cart: Cart, added: Collection[Owner], removed: Iterable[Owner], *, in_place: bool,
        was_registered: bool,
    ) -> None:  # fmt: skip
        """Update the indexes for a cart that gained and lost these owners."""
        cart_id, registered = cart.id, self.registered
        for owner in removed:
            self._remove(cart_id, owner)
        old, place = self.by_update.set(cart_id, cart.updated_at, in_place=in_place)
        self.next_expiry = min(self.next_expiry, cart.expires_at)
        if cart.lifetime == CART_LIFETIME:
            self._expired = min(self._expired, cart.updated_at - 1)
            self._by_expiry.discard(cart_id)
        else:
            self._by_expiry.set(cart_id, cart.expires_at)
        if cart.by_reading:
            self.by_reading.set(cart_id, cart.updated_at)
        else:
            self.by_reading.discard(cart_id)
        moved = place != old
        if old is not None and was_registered and (moved or not cart.owners):
            registered.remove(old)
        if cart.owners and (moved or not was_registered):
            registered.add(place)
        if moved and old is not None and cart_id not in self.crowds:
            for owner in dict.fromkeys(cart.owners):
                if owner not in added:
                    self._move(owner, old, place)
        for owner in added:
            self._add(cart_id, owner, place)

    def put_crowd(
        self, cart_id: str, added: Iterable[Owner], removed: Iterable[Owner]
    ) -> OwnerList:
        """Return the owners of a cart that is crowded, or becomes it, after a change."""
        crowd = self.crowds.get(cart_id)
        if crowd is None:
            crowd = OwnerList(added)
        else:
            for owner in removed:
                crowd = crowd.without_owner(owner)
            for owner in added:
                crowd = crowd.with_owner(owner)
        self.crowds[cart_id] = crowd
        return crowd

    def remove_carts(
        self, cart_ids: Sequence[str], registered: Iterable[str],
        carts_of: Mapping[Owner, Iterable[str]],
    ) -> None:  # fmt: skip
        """Remove carts. ``registered`` are those with an owner.

        ``carts_of`` has those of each owner, without the crowded ones.
        """
        places_for = self.by_update.places_for
        self.registered.remove_all(places_for(registered))
        for owner, gone in carts_of.items():
            carts = self._own_places_of(owner)
            carts.remove_all(places_for(gone))
            if not carts:
                del self._carts_of[owner]
        self.by_update.discard_all(cart_ids)
        for cart_id in cart_ids:
            # The index of an owner drops a crowded cart when it is read next.
            self.crowds.pop(cart_id, None)
            self._by_expiry.discard(cart_id)
            self.by_reading.discard(cart_id)

    def remove_owner(self, owner: Owner, unregistered: Iterable[str]) -> None:
        """Remove an owner from its carts. ``unregistered`` are the ids of those without another."""
        self.registered.remove_all(self.by_update.places_for(unregistered))
        for cart_id in self.ids_of(owner):
            if cart_id in self.crowds:
                self.put_crowd(cart_id, (), (owner,))
        self._carts_of.pop(owner, None)
        self._crowded_carts_of.pop(owner, None)

    def _add(self, cart_id: str, owner: Owner, place: int) -> None:
        """Add a cart to the index of an owner."""
        if cart_id in self._crowded_carts_of.get(owner, ()):
            self._remove(cart_id, owner)  # left by a deleted cart of this id
        if cart_id in self.crowds:
            self._crowded_carts_of.setdefault(owner, {})[cart_id] = place
        self._own_places_of(owner).add(place)

    def _move(self, owner: Owner, old: int, place: int) -> None:
        carts = self._own_places_of(owner)
        carts.remove(old)
        carts.add(place)

    def _remove(self, cart_id: str, owner: Owner) -> None:
        """Remove a cart from the index of an owner that has it."""
        place: int | None = None
        crowded = self._crowded_carts_of.get(owner)
        if crowded is not None:
            place = crowded.pop(cart_id, None)
            if not crowded:
                del self._crowded_carts_of[owner]
        carts = self._own_places_of(owner)
        carts.remove(self.by_update.place(cart_id) if place is None else place)
        if not carts:
            del self._carts_of[owner]

    def _own_places_of(self, owner: Owner) -> SortedPlaces:
        """Return the places of an owner's carts, to be changed, or empty ones."""
        places, own = self._carts_of.get(owner), self._own_places
        if places is None or (own is not None and owner not in own):
            places = self._carts_of[owner] = SortedPlaces() if places is None else places.copy()
            if own is not None:
                own.add(owner)
        return places
