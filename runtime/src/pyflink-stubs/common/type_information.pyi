from penstock.common.type_information import *
