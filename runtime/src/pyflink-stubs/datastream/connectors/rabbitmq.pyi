from penstock.datastream.connectors.rabbitmq import *
