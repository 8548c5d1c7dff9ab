"""The domain continents: on which continent does a country, a capital or a city lie?"""
