"""Files with known values, written in every way that people write them, and what must be read.

Nothing here looks at how molmeta reads: what is right comes from the meaning of the words.

molecules.py  twenty molecules with known concentrations
choices.py    the dimensions of a table, a draw from them, and its smallest failing part
headers.py    the name of a value column
cells.py      numbers and relations as cells
tables.py     a draw as a file
exports.py    the files of ChEMBL and PubChem, and wide tables
records.py    SDF
meaning.py    which labels a row may get
verdict.py    reading a file, and whether what came of it is right
"""
