from penstock.datastream.connectors import *
from penstock.datastream.connectors.file_system import *
from penstock.datastream.connectors.kafka import *
from penstock.datastream.connectors.number_seq import *
