"""How Ursa is started and watched. Nothing of the product lives here."""
