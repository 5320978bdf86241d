"""Frequent given and family names of German-speaking countries, to tell the two columns apart."""

from __future__ import annotations

__all__ = ["FAMILY", "GIVEN"]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


GIVEN = _words(
    """
    Alexander Alexandra Alfred Ali Alina Alois Amelie Andrea Andreas Angelika Anja Anke Anna
    Anne Annette Anton Antonia Ayse Ayşe Barbara Beat Beate Beatrice Ben Benjamin Bernadette
    Bernd Bernhard Birgit Brigitte Carina Carla Carmen Carolin Caroline Charlotte Christa
    Christel Christian Christiane Christina Christine Christoph Clara Claudia Claus Clemens
    Cornelia Daniel Daniela David Dennis Dieter Dirk Dominik Doris Edith Elena Elfriede
    Elias Elif Elisabeth Elke Ella Elsa Emil Emilia Emily Emma Emre Erich Erik Erika Ernst
    Eva Fabian Fatma Felix Finn Florian Frank Franz Franziska Frida Frieda Friedrich Fritz
    Gabriele Georg Gerd Gerda Gerhard Gertrud Gisela Greta Gudrun Guenter Günter Günther
    Hanna Hannah Hannelore Hans Harald Hartmut Heidi Heike Heiko Heinrich Heinz Helena Helga
    Helmut Henri Henry Herbert Hermann Hildegard Holger Horst Ida Ilse Ina Ines Inge
    Ingeborg Ingrid Irene Irina Iris Irmgard Isabell Isabella Jakob Jan Jana Janina Jens
    Jessica Joachim Jochen Johann Johanna Johannes Jonas Josef Joseph Julia Julian Juliane
    Jürgen Karin Karl Karla Karlheinz Katharina Kathrin Katja Katrin Kerstin Kevin Klaus
    Konrad Kurt Lara Laura Lea Lena Leni Leo Leon Leonie Leopold Liam Lina Linda Lisa Lotte
    Louis Louisa Luca Lucas Ludwig Luis Luisa Lukas Magdalena Maja Manfred Manuela Marcel
    Marco Marcus Margarete Margit Margot Maria Marianne Marie Marina Mario Marion Markus
    Marlene Marlies Martha Martin Martina Mathias Mathilda Mathilde Matteo Matthias Max
    Maximilian Mehmet Melanie Mia Michael Michaela Mila Miriam Mohammed Monika Moritz
    Mustafa Nadine Nadja Natalie Nele Nicolas Nicole Niklas Nina Noah Nora Norbert Olaf Olga
    Oliver Oskar Otto Pascal Patricia Patrick Paul Paula Peter Petra Philipp Pia Rainer Ralf
    Ralph Rebecca Regina Regula Reinhard Renate René Resi Reto Rita Robert Robin Roland Rolf
    Rosemarie Rudolf Ruth Sabine Sabrina Samuel Sandra Sara Sarah Sebastian Sepp Siegfried
    Sigrid Silke Silvia Simon Simone Sofia Sonja Sophia Sophie Stefan Stefanie Steffen
    Stephan Stephanie Susanne Sven Svenja Svetlana Sylvia Tanja Tatjana Theo Theresa Thomas
    Thorsten Tim Tobias Tom Torsten Udo Ueli Ulrich Ulrike Urs Ursula Ute Uwe Valentina
    Vanessa Vera Verena Veronika Viktoria Vincent Volker Vreni Walter Waltraud Werner
    Wilhelm Wilma Winfried Wolfgang Xaver Yannick Yvonne Zeynep
    """
)
FAMILY = _words(
    """
    Albrecht Ammann Arnold Bachmann Bader Bauer Baumann Beck Becker Berger Bergmann Brandt
    Braun Brunner Busch Böhm Bürki Demir Dietrich Egger Engel Ernst Fischer Frank Franke
    Frei Friedrich Fritz Fuchs Gerber Graf Gross Groß Gruber Günther Haas Hahn Hartmann Hein
    Heinrich Heinz Herrmann Hofer Hoffmann Hofmann Horn Huber Hübner Jung Jäger Kaiser Kaya
    Keller Kern Klein Koch Kolb Kraus Krause Krämer Krüger Kuhn Kurz Köhler König Kühn Lang
    Lange Lehmann Leitner Lorenz Ludwig Lutz Maier Martin Mayer Meier Meyer Moser Möller
    Müller Nagel Neumann Nowak Ott Otto Peters Pfeiffer Pfister Pichler Pohl Richter Roth
    Sauer Schmid Schmidt Schmitt Schmitz Schneider Scholz Schreiber Schröder Schubert
    Schulte Schulz Schulze Schumacher Schuster Schwarz Schäfer Seidel Seitz Simon Sommer
    Stein Steiner Thomas Vogel Vogt Voigt Wagner Walter Weber Weiss Weiß Werner Winkler
    Winter Wolf Wolff Wyss Yilmaz Ziegler Zimmermann Zürcher
    """
)
