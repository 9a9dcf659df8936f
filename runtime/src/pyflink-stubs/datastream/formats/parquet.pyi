from penstock.datastream.formats.parquet import *
