from penstock.datastream.formats.json import *
