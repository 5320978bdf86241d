"""What the practices are called and where they are."""

from __future__ import annotations

from itertools import product

CITIES = (
    "München", "Köln", "Zürich", "Nürnberg", "Wien", "Düsseldorf", "Lübeck", "Salzburg",
    "Würzburg", "Münster", "Bern", "Göttingen", "Tübingen", "Graz", "Gießen", "Saarbrücken",
    "Winterthur", "Osnabrück", "Mödling", "Fürth", "Görlitz", "Genève", "Mühlhausen",
    "Rüsselsheim", "Sankt Pölten", "Lörrach", "Neuchâtel", "Füssen", "Bad Tölz", "Köthen",
    "Dübendorf", "Schwäbisch Hall", "Hürth", "Wörgl", "Küsnacht", "Böblingen", "Güstrow",
)  # fmt: skip
FORMS = (
    "Zahnarztpraxis {}",
    "Zahnärzte am Markt {}",
    "Praxis für Zahnheilkunde {}",
    "Zahnmedizin {} Süd",
    "Kieferorthopädie {}",
    "Zahnzentrum {}",
    "Dentalpraxis Grüner Weg {}",
    "MVZ Zahngesundheit {}",
    "Zahnklinik {}",
)


def place(number: int) -> tuple[str, str]:
    """Give name and city of a center by its number; the first is Zahnarztpraxis München."""
    places = [(form, city) for form, city in product(FORMS, CITIES)]
    turn, seat = divmod(number - 1, len(places))
    ring, at = divmod(seat, len(CITIES))
    city = CITIES[at]
    name = FORMS[(at + ring) % len(FORMS)].format(city)
    return (f"{name} {turn + 1}" if turn else name), city
